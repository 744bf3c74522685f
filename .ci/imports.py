"""Data flows one way: no notebook imports from a later one, and a batch or a text needs no planning

    python .ci/imports.py

It reads the imports of every notebook and module, then asks fresh processes what an import loads.
"""
import ast, json, re, subprocess, sys
from pathlib import Path

top = Path(__file__).resolve().parent.parent
MOST_FLOORS = 12 # between modules: the longest chain of imports at the top of a module; on the highest stand the panels
PLANNING = ['validation', 'analysis', 'app', 'bench']
FORBIDDEN = { # module → chapters or modules that importing it must not load
    'data.batches': [*PLANNING, 'model', 'trainer', 'generation'],
    'model.gpt': [*PLANNING, 'trainer', 'generation'],
    'generation.completion': [*PLANNING, 'trainer.loop', 'trainer.optimizers'],
    'generation.evaluation': [*PLANNING, 'trainer.loop', 'trainer.optimizers'],
}

def source(cell): return ''.join(cell['source'])

def notebooks():
    "Module → number in reading order and the notebook's cells"
    found = {}
    for number, path in enumerate(sorted((top/'nbs').glob('[0-9]*/*.ipynb'))):
        cells = json.loads(path.read_text(encoding='utf-8'))['cells']
        name = re.search(r'^#\| default_exp (\S+)', '\n'.join(map(source, cells)), re.M)
        found[name[1] if name else path.stem] = number, cells # a page of proofs exports nothing
    return found

def upward(found):
    "Imports of a later notebook, in words"
    for name, (number, cells) in found.items():
        code = '\n'.join(source(cell) for cell in cells if cell['cell_type'] == 'code')
        for imported in re.findall(r'^\s*from gpt2pro\.([\w.]+) import', code, re.M):
            if imported in found and found[imported][0] > number: yield f'{name} imports {imported}, which comes later'

def imports(name):
    "The modules that a module imports at its top"
    path = top/'gpt2pro'/f'{name.replace(".", "/")}.py'
    tree = ast.parse(path.read_text(encoding='utf-8') if path.exists() else '')
    package = name.split('.')[:-1]
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.level:
            yield '.'.join([*package[:len(package) - node.level + 1], node.module or ''])

def floors(found):
    "Module → length of the longest chain of imports below it, itself included"
    heights = {}
    for name in found: # in reading order, so that what a module imports is there already
        heights[name] = 1 + max((heights.get(below, 0) for below in imports(name)), default=0)
    return heights

def loaded(name):
    "The modules of the package that one import loads"
    code = f'import sys, gpt2pro.{name}; print(*[m for m in sys.modules if m.startswith("gpt2pro.")])'
    return subprocess.check_output([sys.executable, '-c', code], text=True, cwd=top).split()

def main():
    "Print each fault; their number"
    found = notebooks()
    faults = list(upward(found))
    heights = floors(found)
    highest = max(heights, key=heights.get)
    print(f'{len(found)} modules on {heights[highest]} floors, the highest {highest}')
    if heights[highest] > MOST_FLOORS: faults.append(f'more than {MOST_FLOORS} floors')
    for name, chapters in FORBIDDEN.items():
        modules = loaded(name)
        print(f'{name} loads {len(modules)} modules')
        for chapter in chapters:
            bad = [m for m in modules if f'{m}.'.startswith(f'gpt2pro.{chapter}.')]
            if bad: faults.append(f'{name} loads {", ".join(bad)}')
    print(*faults, sep='\n')
    return len(faults)

if __name__ == '__main__': sys.exit(main() > 0)
