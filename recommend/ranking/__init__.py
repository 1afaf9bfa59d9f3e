"""How the fine ranker learns: lists out of an event log, LambdaMART, its trees in ONNX, and the gate before service."""
