/**
 * LuCI's `E` and `dom`. In: a tag, attributes, children. Out: nodes. As in LuCI, a string that is no member of a list is
 * markup and not text: views that forget it are found here too.
 */
type Children = unknown;
type Attributes = Readonly<Record<string, unknown>>;

const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null && 'nodeType' in value;

export function append(node: Node, children: Children): void {
  if (Array.isArray(children)) {
    // One level, as in LuCI: a list within the list, null and undefined become text that nobody wants.
    for (const child of children as readonly unknown[]) {
      node.appendChild(isNode(child) ? child : document.createTextNode(`${child as string}`));
    }
  } else if (isNode(children)) node.appendChild(children);
  else if (children !== null && children !== undefined) (node as Element).innerHTML = `${children as string}`;
}

export function content(node: Node, children: Children): void {
  while (node.firstChild) node.removeChild(node.firstChild);
  append(node, children);
}

function setAttributes(node: Element, attributes: Attributes): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined) continue;
    if (typeof value === 'function') node.addEventListener(name, value as EventListener);
    else node.setAttribute(name, typeof value === 'object' ? JSON.stringify(value) : `${value as string}`);
  }
}

export function E(tag: string | readonly unknown[], ...rest: readonly unknown[]): Node {
  if (typeof tag !== 'string') {
    const fragment = document.createDocumentFragment();
    append(fragment, tag);
    return fragment;
  }
  const [first, second] = rest;
  const hasAttributes = typeof first === 'object' && first !== null && !Array.isArray(first) && !isNode(first);
  const node = document.createElement(tag);
  if (hasAttributes) setAttributes(node, first as Attributes);
  append(node, hasAttributes ? second : first);
  return node;
}

/** Instances by their node, which `findClassInstance` looks for upwards. */
const instances = new WeakMap<Node, unknown>();

export const dom = {
  append,
  content,
  elem: isNode,
  bindClassInstance(node: Node, instance: unknown): void {
    instances.set(node, instance);
  },
  findClassInstance(node: Node): unknown {
    for (let at: Node | null = node; at !== null; at = at.parentNode) if (instances.has(at)) return instances.get(at);
    return null;
  },
};
