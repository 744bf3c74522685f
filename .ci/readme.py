"""README.md is nbs/index.ipynb as Markdown

    python .ci/readme.py            # write it
    python .ci/readme.py --check    # fail where the two differ
    python .ci/readme.py --test     # print the part of its second command that runs the tests
"""
import json, re, sys
from pathlib import Path

top = Path(__file__).resolve().parent.parent
directive = re.compile(r'^#\s*\|.*\n?', re.M)

def fence(text, language=''): return f'```{language}\n{text.strip()}\n```'

def output(out):
    "What a cell printed or gave, as Markdown"
    if out['output_type'] == 'stream': return fence(''.join(out['text']))
    data = out.get('data', {})
    if 'text/markdown' in data: return ''.join(data['text/markdown'])
    return fence(''.join(data.get('text/plain', '')))

def cell(c):
    "One cell as Markdown; the notebooks it links to are in nbs/"
    source = ''.join(c['source'])
    if re.search(r'^#\s*\|\s*hide', source, re.M): return ''
    if c['cell_type'] == 'markdown': return re.sub(r'\]\((?!https?:|#)([^)]+)\)', r'](nbs/\1)', source)
    return '\n\n'.join([fence(directive.sub('', source), 'python'), *map(output, c['outputs'])])

def readme():
    cells = json.loads((top/'nbs/index.ipynb').read_text(encoding='utf-8'))['cells']
    body = '\n\n'.join(filter(None, map(cell, cells)))
    return f'<!-- Made from nbs/index.ipynb by .ci/readme.py: edit the notebook -->\n\n{body}\n'

def commands():
    "The README's two commands: install and run the main job; install for contributors and run the tests"
    return re.findall(r'^```sh\n(.+)\n```$', (top/'README.md').read_text(encoding='utf-8'), re.M)

if __name__ == '__main__':
    path = top/'README.md'
    if '--test' in sys.argv: print(commands()[1].split(' && ')[1])
    elif '--check' not in sys.argv: path.write_text(readme(), encoding='utf-8', newline='\n')
    elif path.read_text(encoding='utf-8') != readme(): sys.exit('README.md differs from nbs/index.ipynb: run python .ci/readme.py')
