"""The neuron in the languages of other simulators."""
