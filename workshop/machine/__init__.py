"""What the course needs of the machine that it runs on: processes, ports, memory, and what to say where they fail."""
