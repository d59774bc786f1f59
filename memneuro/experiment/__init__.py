"""One protocol for each characteristic of the neuron, and the measurements they are compared with."""
