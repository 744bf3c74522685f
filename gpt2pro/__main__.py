"""`python -m gpt2pro`, as launchers of several processes ask for it, is the command `gpt2pro`"""
from .app.cli import main

if __name__ == '__main__': main()
