/**
 * Attaches the compiled binaries of dist/ and their checksums to the release of a tag, through the API of Gitea
 * (`RELEASE_API_URL`, `RELEASE_REPOSITORY`, `RELEASE_TAG`, `RELEASE_TOKEN`). Running it again replaces what is
 * attached under the same name. Behind `deno task publish`, which the release workflow runs.
 */

import { join } from "node:path";
import { z } from "zod";
import { ExitCode, processIo } from "../src/cli/io.ts";
import { messageOf } from "../src/core/errors.ts";
import { VERSION } from "../src/core/version.ts";
import { CHECKSUM_FILE } from "./compile.ts";

/** What to publish, and where. */
export interface PublishOptions {
  /** The base of the API, as `https://git.example/api/v1`. */
  apiUrl: string;
  /** Owner and name, as `owner/name`. */
  repository: string;
  /** The tag of the release; must be `v` and the version. */
  tag: string;
  /** An access token that may write to the repository. */
  token: string;
  /** The folder with the binaries and their checksum file. */
  folder: string;
}

const releaseSchema = z.object({
  id: z.number(),
  assets: z.array(z.object({ id: z.number(), name: z.string() })).nullish(),
});

type Release = z.infer<typeof releaseSchema>;

/** Publishes every file that the checksum file names, and that file; returns their names. Throws on any refusal. */
export async function publishRelease(options: PublishOptions): Promise<string[]> {
  const { tag, folder } = options;
  if (tag !== `v${VERSION}`) {
    throw new Error(
      `Cannot publish ${tag}: the version is ${VERSION}; tag the commit whose version it names`,
    );
  }
  const checksums = await Deno.readTextFile(join(folder, CHECKSUM_FILE));
  const names = checksums.trimEnd().split("\n").map((line) => line.split("  ")[1] ?? "");
  const release = await findRelease(options) ?? await createRelease(options);
  for (const name of [...names, CHECKSUM_FILE]) await attach(options, release, name);
  return [...names, CHECKSUM_FILE];
}

async function findRelease(options: PublishOptions): Promise<Release | null> {
  const response = await call(options, `/tags/${encodeURIComponent(options.tag)}`);
  if (response.status !== 404) return await readRelease(response, "find the release");
  await response.body?.cancel();
  return null;
}

async function createRelease(options: PublishOptions): Promise<Release> {
  const body = JSON.stringify({ tag_name: options.tag, name: `Trunkline ${VERSION}` });
  const headers = { "content-type": "application/json" };
  return await readRelease(await call(options, "", { method: "POST", body, headers }), "create the release");
}

async function attach(options: PublishOptions, { id, assets }: Release, name: string): Promise<void> {
  for (const asset of assets ?? []) {
    if (asset.name !== name) continue;
    await expectDone(
      await call(options, `/${id}/assets/${asset.id}`, { method: "DELETE" }),
      `replace ${name}`,
    );
  }
  const body = new FormData();
  body.append("attachment", new Blob([await Deno.readFile(join(options.folder, name))]), name);
  const path = `/${id}/assets?name=${encodeURIComponent(name)}`;
  await expectDone(await call(options, path, { method: "POST", body }), `attach ${name}`);
}

async function call(
  { apiUrl, repository, token }: PublishOptions,
  path: string,
  init: { method?: string; body?: BodyInit; headers?: Record<string, string> } = {},
): Promise<Response> {
  const headers = { ...init.headers, authorization: `token ${token}`, accept: "application/json" };
  return await fetch(`${apiUrl}/repos/${repository}/releases${path}`, { ...init, headers });
}

async function readRelease(response: Response, what: string): Promise<Release> {
  return releaseSchema.parse(JSON.parse(await expectDone(response, what)));
}

async function expectDone(response: Response, what: string): Promise<string> {
  const text = await response.text();
  if (response.ok) return text;
  throw new Error(`Cannot ${what}: the server answered ${response.status} ${text.substring(0, 200)}`);
}

function fromEnvironment(): PublishOptions {
  const read = (name: string) => {
    const value = Deno.env.get(name);
    if (value) return value;
    throw new Error(`Cannot publish: ${name} is not set; the release workflow shows what it holds`);
  };
  return {
    apiUrl: read("RELEASE_API_URL"),
    repository: read("RELEASE_REPOSITORY"),
    tag: read("RELEASE_TAG"),
    token: read("RELEASE_TOKEN"),
    folder: "dist",
  };
}

async function main(): Promise<number> {
  try {
    for (const name of await publishRelease(fromEnvironment())) processIo.out(`Published ${name}`);
    return ExitCode.done;
  } catch (error) {
    processIo.err(messageOf(error));
    return ExitCode.failed;
  }
}

if (import.meta.main) Deno.exit(await main());
