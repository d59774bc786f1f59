"""One self-contained page on which sliders move the neuron's traces and its f-I curve."""
