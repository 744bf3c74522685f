"""Every error text of the package, read from its source

    python .ci/errors.py            # a line for each: module, what, why, what to do

The guide on troubleshooting lists them, and the warnings of the log. What is filled in later is shown as …
"""
import ast, re
from pathlib import Path

PACKAGE = Path(__file__).parents[1]/'gpt2pro'

def function_of(node, parents):
    "The innermost function around a node"
    while node in parents:
        node = parents[node]
        if isinstance(node, ast.FunctionDef): return node

def assigned(name, scope):
    "The expressions that a name is set to in a function or module"
    for node in ast.walk(scope):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                pairs = [(target, node.value)]
                if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                    pairs = zip(target.elts, node.value.elts)
                yield from (value for t, value in pairs if isinstance(t, ast.Name) and t.id == name)
        elif isinstance(node, (ast.AnnAssign, ast.AugAssign)):
            if isinstance(node.target, ast.Name) and node.target.id == name and node.value: yield node.value

class Source:
    "The modules of the package as syntax trees"
    def __init__(self):
        self.trees = {'.'.join(path.relative_to(PACKAGE).with_suffix('').parts): ast.parse(path.read_text(encoding='utf-8'))
                      for path in sorted(PACKAGE.rglob('*.py'))}
        self.calls, self.parents = {}, {}
        for tree in self.trees.values():
            for node in ast.walk(tree):
                self.parents |= {child: node for child in ast.iter_child_nodes(node)}
                if isinstance(node, ast.Call): self.calls.setdefault(called(node), []).append(node)
        self.functions = {node.name: node for tree in self.trees.values() for node in ast.walk(tree)
                          if isinstance(node, ast.FunctionDef)}

    def texts(self, node, tree, depth=4):
        "The texts that an expression can be, with … for what is filled in"
        again = lambda part: self.texts(part, tree, depth - 1)
        if depth == 0: return ['…']
        if isinstance(node, ast.Constant): return [node.value if isinstance(node.value, str) else '…']
        if isinstance(node, ast.JoinedStr):
            found = ['']
            for part in node.values:
                more = again(part) if isinstance(part, ast.Constant) else self.filled(part.value, tree, depth)
                found = [a + b for a in found for b in more]
            return found
        if isinstance(node, ast.IfExp): return again(node.body) + again(node.orelse)
        if isinstance(node, ast.BoolOp): return [text for value in node.values for text in again(value)]
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            return [a + b for a in again(node.left) for b in again(node.right)]
        if isinstance(node, ast.Name): return self.named(node, tree, depth) or ['…']
        if isinstance(node, ast.Subscript): return self.texts(node.value, tree, depth)
        if isinstance(node, ast.Call) and called(node) in ('split', 'replace'):
            return self.texts(node.func.value, tree, depth)
        if isinstance(node, ast.Call) and called(node) in ('str', 'getattr'):
            return self.texts(node.args[-1], tree, depth)
        return ['…']

    def filled(self, node, tree, depth):
        "What stands in braces: words that a name is set to, if they are few, or …"
        found = self.texts(node, tree, depth - 1) if isinstance(node, (ast.Name, ast.IfExp)) else ['…']
        return found if 0 < len(found) <= 12 and any(text.strip('…') for text in found) else ['…']

    def named(self, node, tree, depth):
        "The texts of a name: set in its function, given by a caller, or a constant of the module"
        function = function_of(node, self.parents)
        found = [*assigned(node.id, function)] if function else []
        names = [argument.arg for argument in function.args.args + function.args.kwonlyargs] if function else []
        if node.id in names:
            own = names.index(node.id) - (names[0] in ('self', 'cls'))
            name = class_of(function, self.parents) if function.name == '__init__' else function.name
            private = name.startswith('_')
            for call in self.calls.get(name, []):
                if private and self.root(call) is not tree: continue # another function of this name
                given = {word.arg: word.value for word in call.keywords}
                if node.id in given: found.append(given[node.id])
                elif 0 <= own < len(call.args): found.append(call.args[own])
        if not found: found = [*assigned(node.id, tree)]
        return list(dict.fromkeys(text for value in found for text in self.texts(value, tree, depth - 1)))

    def root(self, node):
        "The module that a node is in"
        while node in self.parents: node = self.parents[node]
        return node

    def columns(self, call, tree):
        "The texts of each argument of a call; a starred one is a function that returns several"
        found = []
        for part in call.args:
            if not isinstance(part, ast.Starred): found.append(self.texts(part, tree))
            elif isinstance(part.value, ast.Call):
                returned = [node.value.elts for node in ast.walk(self.functions[called(part.value)])
                            if isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple)]
                found += [[text for value in values for text in self.texts(value, tree)] for values in zip(*returned)]
        return [tidy(texts) for texts in found]

def called(node):
    "The name of what is called"
    return getattr(node.func, 'id', getattr(node.func, 'attr', ''))

def tidy(texts):
    "Texts side by side, without those that say nothing, and with one … for several"
    texts = [re.sub('…( ?…)+', '…', text) for text in texts]
    return ' / '.join(dict.fromkeys(text for text in texts if text.strip('… '))) or '…'

def class_of(node, parents):
    "The name of the class around a node"
    while node in parents and not isinstance(node, ast.ClassDef): node = parents[node]
    return getattr(node, 'name', '')

def errors(source):
    "Module → (what, why, what to do) of each error that it raises"
    found = {}
    for module, tree in source.trees.items():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call): continue
            raised = isinstance(source.parents.get(node), ast.Raise) and called(node) not in source.functions
            own = called(node) == '__init__' and class_of(node, source.parents).endswith('Error')
            if not own and not raised and not called(node).endswith('Error'): continue
            if own and all(isinstance(part, ast.Name) for part in node.args): continue # it hands them on
            parts = source.columns(node, tree)
            if any(part != '…' for part in parts): found.setdefault(module, []).append(parts)
    return found

def warnings(source):
    "Module → the warnings that it writes to the log"
    found = {}
    for module, tree in source.trees.items():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or called(node) not in ('warning', '_warn'): continue
            text = re.sub(r'%[.\d]*[a-z]', '…', tidy(source.texts(node.args[0], tree))).replace('%%', '%')
            if text != '…': found.setdefault(module, []).append(text)
    return found

def page(module):
    "The notebook of a module, from the folder of the guides"
    return '../' + re.search(r'File to edit: \S*?nbs/(\S+\.ipynb)', source_of(module))[1]

def source_of(module): return (PACKAGE/(module.replace('.', '/') + '.py')).read_text(encoding='utf-8')

if __name__ == '__main__':
    source = Source()
    for kind in errors, warnings:
        for module, rows in kind(source).items():
            for row in rows: print(module, *([row] if isinstance(row, str) else row), sep=' | ')
