"""What a language model may call: the tools of the contract, what they record, and the words for it."""
