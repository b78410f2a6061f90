/** Tests of publishing against a small server that keeps releases as Gitea's API does. */

import assert from "node:assert/strict";
import { VERSION } from "../../src/core/version.ts";
import { publishRelease } from "../../tools/publish_release.ts";
import { withTree } from "./source_tree_fixture.ts";

const tag = `v${VERSION}`;
const files = {
  "trunkline-linux": "linux binary",
  "trunkline-macos": "macos binary",
  "SHA256SUMS": "00  trunkline-linux\n11  trunkline-macos\n",
};

/** The releases of one repository. */
class ReleaseServer {
  /** Attached files by name, in the order in which they came; null until the release exists. */
  assets: Map<string, string> | null = null;
  readonly calls: string[] = [];

  async handle(request: Request): Promise<Response> {
    const path = new URL(request.url).pathname.replace("/api/v1/repos/me/trunkline/releases", "");
    this.calls.push(`${request.method} ${path}`);
    if (request.headers.get("authorization") !== "token secret") return new Response("no", { status: 401 });
    if (request.method === "GET") return path === `/tags/${tag}` ? this.#release() : notFound();
    if (request.method === "DELETE") {
      this.assets?.delete([...this.assets.keys()][Number(path.split("/").at(-1))] ?? "");
      return new Response(null, { status: 204 });
    }
    if (path === "") {
      assert.deepEqual(await request.json(), { tag_name: tag, name: `Trunkline ${VERSION}` });
      this.assets = new Map();
      return this.#release();
    }
    const file = (await request.formData()).get("attachment");
    assert.ok(file instanceof File);
    assert.equal(this.assets?.has(file.name), false);
    this.assets?.set(file.name, await file.text());
    return Response.json({}, { status: 201 });
  }

  #release(): Response {
    if (this.assets === null) return notFound();
    return Response.json({ id: 7, assets: [...this.assets.keys()].map((name, id) => ({ id, name })) });
  }
}

function notFound(): Response {
  return new Response("not found", { status: 404 });
}

async function publish(
  server: ReleaseServer,
  changes: { tag?: string; token?: string } = {},
): Promise<string[]> {
  const http = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {} },
    (request) => server.handle(request),
  );
  try {
    return await withTree(files, (folder) =>
      publishRelease({
        apiUrl: `http://127.0.0.1:${http.addr.port}/api/v1`,
        repository: "me/trunkline",
        tag,
        token: "secret",
        folder,
        ...changes,
      }));
  } finally {
    await http.shutdown();
  }
}

Deno.test("Publish: makes the release and attaches the binaries and the checksums", async () => {
  const server = new ReleaseServer();
  assert.deepEqual(await publish(server), ["trunkline-linux", "trunkline-macos", "SHA256SUMS"]);
  assert.deepEqual(Object.fromEntries(server.assets ?? []), files);
});

Deno.test("Publish: a second run replaces what is attached", async () => {
  const server = new ReleaseServer();
  server.assets = new Map([["notes", "kept"], ["trunkline-linux", "old"]]);
  await publish(server);
  assert.deepEqual(Object.fromEntries(server.assets), { ...files, notes: "kept" });
  assert.ok(!server.calls.includes("POST "));
});

Deno.test("Publish: a refusal of the server is told with its status", async () => {
  await assert.rejects(publish(new ReleaseServer(), { token: "wrong" }), {
    message: "Cannot find the release: the server answered 401 no",
  });
});

Deno.test("Publish: a tag that is not the version is refused before anything is sent", async () => {
  const server = new ReleaseServer();
  await assert.rejects(
    publish(server, { tag: "v999.0.0" }),
    /^Error: Cannot publish v999\.0\.0: the version is /,
  );
  assert.deepEqual(server.calls, []);
});
