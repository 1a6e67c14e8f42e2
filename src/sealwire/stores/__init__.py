"""SQL, files and journals: adapters of the ports that layers 3 to 5 declare."""
