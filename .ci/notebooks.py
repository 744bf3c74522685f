"""Some notebooks run from top to bottom where there is only the package and Jupyter

    python .ci/notebooks.py

Cells that take long or need a GPU are left out.
"""
import re, sys
from pathlib import Path
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

top = Path(__file__).resolve().parent.parent
NOTEBOOKS = ['00_core/13_schema', '01_text/01_readers', '02_analysis/03_scan', '04_tokenizers/02_tokenizer', '05_data/05_batches',
             '06_kernels/04_positions', '08_model/03_pretrained', '08_model/04_visualize', '10_generation/06_completion', '12_app/02_run_report']

def run(path):
    "Run a notebook; whether it came to its end"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells = [cell for cell in notebook.cells if not re.search(r'^#\s*\|\s*(slow|gpu)', cell.source, re.M)]
    client = NotebookClient(notebook, timeout=600, kernel_name='python3', resources={'metadata': {'path': str(path.parent)}})
    try: client.execute()
    except CellExecutionError as e:
        print(f'{path.name}\n{e}')
        return False
    return True

if __name__ == '__main__': sys.exit(not all([run(top/'nbs'/f'{name}.ipynb') for name in NOTEBOOKS]))
