// The REST interface of the platform, with the application key of this tab.

// The key comes by the address once, and leaves it at once.
const address = new URL(location.href);
const given = address.searchParams.get("appKey");
if (given !== null) {
  sessionStorage.setItem("appKey", given);
  address.searchParams.delete("appKey");
  history.replaceState(null, "", address.pathname + address.search + address.hash);
}

export const key = () => sessionStorage.getItem("appKey");
export const keepKey = (text) => sessionStorage.setItem("appKey", text);
export const forgetKey = () => sessionStorage.removeItem("appKey");

/** Path below a thing: `of("Fan 1", "Properties", "speed")`. */
export const of = (...parts) => `/Thingworx/Things/${parts.map(encodeURIComponent).join("/")}`;
export const ours = (...parts) => `/edgebind/v1/platform/things/${parts.map(encodeURIComponent).join("/")}`;

/**
 * Asks; gives `{ body, ms }`, the body as text. Refusals are errors with the platform's sentence.
 * `body` is JSON as text: whole numbers may be longer than JavaScript's.
 */
export async function ask(method, path, body) {
  const begun = performance.now();
  const headers = { appKey: key() ?? "", Accept: "application/json" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let response;
  try {
    response = await fetch(path, { method, headers, body, cache: "no-store" });
  } catch {
    throw new Error("The platform cannot be reached.");
  }
  const text = await response.text();
  if (!response.ok) throw new Error(text || `The platform answered ${response.status}.`);
  return { body: text, ms: Math.round(performance.now() - begun) };
}

/** Why the live socket refuses the key, in the platform's sentence; null if it does not. */
export async function refusal() {
  try {
    const response = await fetch("/live", { headers: { appKey: key() ?? "" } });
    return [401, 403].includes(response.status) ? await response.text() : null;
  } catch {
    return null;
  }
}
