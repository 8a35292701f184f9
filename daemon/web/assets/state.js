/* SPDX-License-Identifier: Apache-2.0 */
/*
 * State of the view
 *
 * What the server must know stands in the query of the address, what only the view knows behind the #.
 * A step that somebody wants to take back (a zoom) becomes an entry of the history, typing does not.
 */

export function readState() {
  return new URLSearchParams(location.hash.slice(1));
}

/* { zoom: 'x', search: '' }: what is empty leaves the address. */
export function writeState(changes, isStep) {
  const state = readState();
  for (const [key, value] of Object.entries(changes)) {
    if (value)
      state.set(key, value);
    else
      state.delete(key);
  }
  const hash = state.toString();
  if (hash === readState().toString())
    return;
  const url = location.pathname + location.search + (hash ? `#${hash}` : '');
  if (isStep)
    history.pushState(null, '', url);
  else
    history.replaceState(null, '', url);
}

/* Back, forward, or an address that was typed. */
export function onState(callback) {
  window.addEventListener('popstate', callback);
}

/* The address of this page with other values in its query; null takes one away. */
export function pageWith(changes) {
  const url = new URL(location.href);
  for (const [key, value] of Object.entries(changes)) {
    if (value === null)
      url.searchParams.delete(key);
    else
      url.searchParams.set(key, value);
  }
  return url.pathname + url.search;
}
