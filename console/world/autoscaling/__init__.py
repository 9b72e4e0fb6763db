"""Application Auto Scaling of the embedded world: targets, policies with their alarms, scheduled actions, and scaling
that changes what serves.

Ours and not moto's: moto's imports its EC2 (1.2 s), knows neither which endpoints exist nor the RoleARN that the answer
must hold, creates no usable alarms and scales nothing. Operations register in `operations`, `policy_operations` and
`schedule_operations`, which are no part of this module's import: endpoints ask for the targets themselves.
"""
