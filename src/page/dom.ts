// Builds elements. Text from outside becomes text nodes and attribute values, never markup.

export type Child = Node | string | undefined;

type Attributes = Record<string, string | number | boolean | undefined>;

/** An attribute that is false or undefined is left out; one that is true is there without a value. */
export function h<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  setAttributes(element, attributes);
  element.append(...children.filter((child) => child !== undefined));
  return element;
}

const svgNamespace = "http://www.w3.org/2000/svg";

export function svg<Tag extends keyof SVGElementTagNameMap>(
  tag: Tag,
  attributes: Attributes = {},
  ...children: readonly Child[]
): SVGElementTagNameMap[Tag] {
  const element = document.createElementNS(svgNamespace, tag);
  setAttributes(element, attributes);
  element.append(...children.filter((child) => child !== undefined));
  return element;
}

function setAttributes(element: Element, attributes: Attributes): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue;
    element.setAttribute(name, value === true ? "" : String(value));
  }
}

export interface ListOptions<T> {
  keyOf(item: T): string;
  render(item: T): Element;
}

interface Kept {
  shown: string;
  element: Element;
}

const keptBy = new WeakMap<Element, Map<string, Kept>>();

/** Shows the items in the container; an element is made anew only when its item has changed, so that focus and selection stay. */
export function showList<T>(
  container: Element,
  items: readonly T[],
  { keyOf, render }: ListOptions<T>,
): void {
  const before = keptBy.get(container) ?? new Map<string, Kept>();
  const after = new Map<string, Kept>();
  let at = container.firstElementChild;
  for (const item of items) {
    const key = keyOf(item);
    const shown = JSON.stringify(item);
    const known = before.get(key);
    const kept = known?.shown === shown ? known : { shown, element: render(item) };
    after.set(key, kept);
    if (known !== undefined && known !== kept) {
      if (at === known.element) at = at.nextElementSibling;
      known.element.remove();
    }
    if (kept.element === at) at = at.nextElementSibling;
    else container.insertBefore(kept.element, at);
  }
  for (const [key, { element }] of before) if (!after.has(key)) element.remove();
  keptBy.set(container, after);
}
