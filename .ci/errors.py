"""Every error text of the package, read from its source

    python .ci/errors.py            # a line for each: module, what, why, what to do

The guide on troubleshooting lists them. What is filled in when an error is raised is shown as …
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
        self.names = {name: module for module, tree in self.trees.items() for node in ast.walk(tree)
                      if isinstance(node, ast.FunctionDef) for name in [node.name]}

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
        return ['…']

    def filled(self, node, tree, depth):
        "What stands in braces: words that a name is set to, if they are few, or …"
        found = self.texts(node, tree, depth - 1) if isinstance(node, (ast.Name, ast.IfExp)) else ['…']
        return found if 0 < len(found) <= 3 and any(text.strip('…') for text in found) else ['…']

    def named(self, node, tree, depth):
        "The texts of a name: set in its function, given by a caller, or a constant of the module"
        function = function_of(node, self.parents)
        found = [*assigned(node.id, function)] if function else []
        names = [argument.arg for argument in function.args.args + function.args.kwonlyargs] if function else []
        if not found and node.id in names:
            own = names.index(node.id) - (names[0] in ('self', 'cls'))
            for call in self.calls.get(function.name, []):
                given = {word.arg: word.value for word in call.keywords}
                if node.id in given: found.append(given[node.id])
                elif 0 <= own < len(call.args): found.append(call.args[own])
        if not found: found = [*assigned(node.id, tree)]
        return list(dict.fromkeys(text for value in found for text in self.texts(value, tree, depth - 1)))

def called(node):
    "The name of what is called"
    return getattr(node.func, 'id', getattr(node.func, 'attr', ''))

def tidy(texts):
    "Texts side by side, without those that say nothing, and with one … for several"
    texts = [re.sub('…( ?…)+', '…', text) for text in texts]
    return ' / '.join(dict.fromkeys(text for text in texts if text.strip('… '))) or '…'

def errors():
    "Module → (name, what, why, what to do) of each error that it raises"
    source, found = Source(), {}
    for module, tree in source.trees.items():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or not called(node).endswith('Error'): continue
            parts = [tidy(source.texts(part, tree)) for part in node.args if not isinstance(part, ast.Starred)]
            if any(part != '…' for part in parts): found.setdefault(module, []).append((called(node), *parts))
    return found

if __name__ == '__main__':
    for module, rows in errors().items():
        for row in rows: print(module, *row, sep=' | ')
