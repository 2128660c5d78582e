"""The attacks: functions of model, samples and threat that give points, not yet verified."""
