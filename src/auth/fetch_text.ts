/**
 * Fetches a small text from somebody who may be down, slow or lying: one time-out for all of it, a size that is
 * counted while it comes, the content types that were asked for and no other, and redirects that never lead away
 * from TLS.
 */
import { messageOf } from "../core/errors.ts";

/** What `fetch` of the platform does. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** What is asked for. */
export interface FetchTextOptions {
  readonly fetch: Fetch;
  readonly timeoutMs: number;
  readonly maxBytes: number;
  /** In lower case, without parameters. */
  readonly contentTypes: readonly string[];
}

/** A text, or why there is none. */
export type FetchTextResult =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly reason: string };

const MAX_REDIRECTS = 3;
const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];

/** Fetches the text. The promise does not reject. */
export async function fetchText(url: string, options: FetchTextOptions): Promise<FetchTextResult> {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), options.timeoutMs);
  try {
    return await follow(url, { ...options, signal: abort.signal });
  } catch (error) {
    return failure(abort.signal.aborted ? `no answer within ${options.timeoutMs} ms` : messageOf(error));
  } finally {
    clearTimeout(timer);
  }
}

interface Fetching extends FetchTextOptions {
  readonly signal: AbortSignal;
}

async function follow(start: string, fetching: Fetching): Promise<FetchTextResult> {
  let url = start;
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
    const response = await fetching.fetch(url, {
      redirect: "manual",
      signal: fetching.signal,
      headers: { accept: fetching.contentTypes.join(", ") },
    });
    if (!REDIRECTS.includes(response.status)) return await readAnswer(response, fetching);
    await response.body?.cancel();
    const next = redirectTarget(url, response.headers.get("location"));
    if (next === null) return failure(`the answer ${response.status} leads where it must not`);
    url = next;
  }
  return failure(`more than ${MAX_REDIRECTS} redirects`);
}

/** Where a redirect leads; `null` when that is no plain http or https URL, or leads from https to http. */
function redirectTarget(from: string, location: string | null): string | null {
  const target = location === null ? null : URL.parse(location, from);
  return target !== null && isAllowedTarget(from, target.href) ? target.href : null;
}

/** Whether something named by `from` may be fetched from `target`: by http or https, and by https if `from` is. */
export function isAllowedTarget(from: string, target: string): boolean {
  const url = URL.parse(target);
  if (url === null || url.username !== "" || url.password !== "") return false;
  return url.protocol === "https:" || (url.protocol === "http:" && !/^https:/i.test(from));
}

async function readAnswer(
  response: Response,
  { contentTypes, maxBytes }: Fetching,
): Promise<FetchTextResult> {
  const type = (response.headers.get("content-type") ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
  const problem = response.status !== 200
    ? `the answer is ${response.status}`
    : contentTypes.includes(type)
    ? null
    : `the content type is ${JSON.stringify(type.slice(0, 100))}, not ${contentTypes.join(" or ")}`;
  if (problem !== null) {
    await response.body?.cancel();
    return failure(problem);
  }
  const text = await readBody(response, maxBytes);
  return text === null ? failure(`the answer is larger than ${maxBytes} bytes`) : { ok: true, text };
}

/** The text; `null` when it is too large, of which no more is read then. */
async function readBody(response: Response, maxBytes: number): Promise<string | null> {
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > maxBytes) return null;
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

function failure(reason: string): FetchTextResult {
  return { ok: false, reason };
}
