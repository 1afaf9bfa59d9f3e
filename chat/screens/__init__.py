"""The page: Gradio Blocks that draw a `Screen` and hand what the visitor does to the conversation."""
