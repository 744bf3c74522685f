"""What is imported is declared in settings.ini, and what is declared there is imported

    python .ci/requirements.py

It reads the imports of modules, of notebooks and of these checks, in an environment with everything installed.
"""
import ast, configparser, json, re, sys
from importlib.metadata import packages_distributions
from pathlib import Path

top = Path(__file__).resolve().parent.parent
USED_OTHERWISE = { # requirement → by what
    'ipywidgets': 'the progress bars of tqdm in a notebook',
    'tensorboard': 'torch.utils.tensorboard',
    'nbdev': 'a command', 'execnb': 'nbdev', 'ghapi': 'nbdev', 'mypy': 'a command', 'ruff': 'a command',
}

TAKEN_WHERE_INSTALLED = {'llama-cpp-python': 'it has to be compiled', 'litgpt': 'it brings all of Lightning'} # distribution → why no list has it

def normalize(name): return re.sub(r'[-_.]+', '-', name).lower()

def imported(code):
    "Top-level packages that some code imports"
    code = re.sub(r'^\s*[%!].*$', '', code, flags=re.M) # commands of a notebook
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import): yield from (a.name.split('.')[0] for a in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level: yield node.module.split('.')[0]

def notebook_code(path):
    cells = json.loads(path.read_text(encoding='utf-8'))['cells']
    return [''.join(cell['source']) for cell in cells if cell['cell_type'] == 'code']

def distributions(codes):
    "The distributions that some pieces of code import from, normalized"
    names = {name for code in codes for name in imported(code)} - set(sys.stdlib_module_names)
    known = packages_distributions()
    return {normalize(known[name][0]) for name in names if name in known} - {'gpt2pro', *TAKEN_WHERE_INSTALLED}

def declared():
    "Name of each list of requirements → the distributions in it"
    config = configparser.ConfigParser(delimiters=['='])
    config.read(top/'settings.ini', encoding='utf-8')
    lists = {key: value for key, value in config['DEFAULT'].items() if key.endswith('requirements')}
    return {key: {normalize(re.match(r'[\w.-]+', line)[0]) for line in value.split()} for key, value in lists.items()}

def faults():
    lists = declared()
    modules = distributions(p.read_text(encoding='utf-8') for p in (top/'gpt2pro').rglob('*.py'))
    others = distributions(code for p in (top/'nbs').rglob('*.ipynb') for code in notebook_code(p))
    others |= distributions(p.read_text(encoding='utf-8') for p in (top/'.ci').glob('*.py') if p.name != 'notebooks.py') # that runs where Jupyter is
    users = set.union(*(names for key, names in lists.items() if key != 'dev_requirements'))
    for name in sorted(modules - users): yield f'{name} is imported by a module, and in no list but that of contributors'
    for name in sorted(others - users - lists['dev_requirements']): yield f'{name} is imported by a notebook or a check, and in no list'
    for key, names in lists.items():
        used = modules | others if key == 'dev_requirements' else modules
        for name in sorted(names - used - USED_OTHERWISE.keys()): yield f'{name} is in {key}, and nothing imports it'

found = list(faults())
print(*found, sep='\n')
sys.exit(len(found) > 0)
