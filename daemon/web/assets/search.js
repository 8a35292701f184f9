/* SPDX-License-Identifier: Apache-2.0 */
/* Search in a tree: a regular expression, or where it is none, the text itself. */

/* Case counts only where a capital was typed. */
export function makePattern(term) {
  const flags = /[A-Z]/.test(term.replace(/\\[A-Z]/g, '')) ? '' : 'i';
  try {
    return new RegExp(term, flags);
  } catch (error) {
    return new RegExp(term.replace(/[^\w\s]/g, '\\$&'), flags);
  }
}

/* The frames that match, and the share of zoomed that they and all below them make up. */
export function search(tree, term, zoomed) {
  const hits = [];
  let value = 0, covered = -1;
  if (!term)
    return { hits, value };
  const pattern = makePattern(term);
  for (const node of tree.nodes) {
    if (!pattern.test(node.n))
      continue;
    hits.push(node);
    if (tree.isAbove(node, zoomed) && node !== zoomed && covered < zoomed.end) {
      value = zoomed.v;
      covered = zoomed.end;
    }
    if (!tree.isAbove(zoomed, node) || node.index <= covered) /* below another match: counted with it */
      continue;
    value += node.v;
    covered = node.end;
  }
  return { hits, value };
}
