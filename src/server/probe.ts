/** What is answered to those who ask whether a hub lives and is ready (`/healthz`, `/readyz`). */
import type { ProbeResponse } from "../hub/http_front.ts";
import type { Health } from "../metrics/health.ts";

/** The answer at a path; `undefined` where it is another one's. */
export function probe(path: string, health: Health): ProbeResponse | undefined {
  if (path === "/healthz") return { status: 200, body: { status: "ok" } };
  if (path !== "/readyz") return undefined;
  const readiness = health.ready();
  return { status: readiness.status === "ok" ? 200 : 503, body: readiness };
}
