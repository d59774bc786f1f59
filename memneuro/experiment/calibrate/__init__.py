"""Fit a device model jointly to the published measurements and to what any such neuron must do between them.

Kinetics and noise are shared by the paper's four devices; each device has only a growth rate and (for ``hopping``) a
voltage scale of its own. The compact model's growth is linear in the voltage, so there a voltage scale is the same
freedom as a growth rate.

====================  =================================================================================
``search``            what is fitted, and within which limits
``protocols``         every condition that is simulated, and the compiled programs that simulate them
``objective``         one number from the spikes: errors of the measured rows, and what must hold between
``optimise``          CMA-ES (Hansen 2016, arXiv:1604.00772), seeded, on two cores, resumable
``cross_validate``    the same search without some of the rows, scored on those
====================  =================================================================================

Run ``python -m memneuro.experiment.calibrate --help``, or ``make calibrate``.
"""
