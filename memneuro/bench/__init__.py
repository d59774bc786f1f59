"""What a step costs: against stock Brian2 and a hand-written program, on every target, over the number of neurons."""
