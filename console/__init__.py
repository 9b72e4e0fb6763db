"""lastgood without its screens: kinds, ledger, clients, actions, commands. Nothing below here imports Textual."""

__version__ = "0.1.0"
