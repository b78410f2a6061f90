/**
 * `trunkline certs`: writes certificates for development into a folder. It never replaces a file without being
 * told to, keeps an authority that is there (others may trust it already), makes keys readable for their owner only,
 * and replaces each file in one step, so that a hub that reloads never reads half of one.
 */

import { join } from "node:path";
import { messageOf, TrunklineError } from "../core/errors.ts";
import { certificateInstructions, type CertificatePaths } from "./certs_instructions.ts";
import {
  type CertificatePair,
  createDevelopmentCertificates,
  DEFAULT_CLIENT_NAME,
  describeCertificate,
  type DevelopmentCertificates,
} from "./dev_certificates.ts";

/** The options of the command. */
export interface CertsOptions {
  /** Folder to write into; made when it is missing. @default "certs" */
  readonly out?: string;
  /** Names and addresses of the server. @default localhost, 127.0.0.1, ::1 */
  readonly hosts?: readonly string[];
  /** Days that server and client certificate are valid, 1 to 3650; Apple takes no more than 825. @default 825 */
  readonly days?: number;
  /** Common name of the client certificate. @default "trunkline-client" */
  readonly clientName?: string;
  /** Whether files that exist are replaced, those of the authority aside. @default false */
  readonly force?: boolean;
  /** Whether a new authority is made although there is one; replacing it needs `force` too. @default false */
  readonly newCa?: boolean;
  /** Whether one JSON object is printed instead of text. @default false */
  readonly json?: boolean;
  /** Whether nothing but errors is printed; `json` is printed all the same. @default false */
  readonly quiet?: boolean;
}

/** Where a command prints. */
export interface CertsOutput {
  out(line: string): void;
  err(line: string): void;
}

/** Runs the command. Gives the exit code: 0 done, 1 failed, 2 wrong usage; what went wrong is told to `io.err`. */
export async function runCerts(options: CertsOptions, io: CertsOutput): Promise<0 | 1 | 2> {
  try {
    await writeCertificates(options, io);
    return 0;
  } catch (error) {
    io.err(messageOf(error));
    return error instanceof TrunklineError && error.code === "usage" ? 2 : 1;
  }
}

async function writeCertificates(options: CertsOptions, io: CertsOutput): Promise<void> {
  const { out = "certs", hosts = ["localhost", "127.0.0.1", "::1"], days = 825 } = options;
  const { force = false, newCa = false, json = false, quiet = false } = options;
  if (!Number.isInteger(days) || days < 1 || days > 3650) {
    throw new TrunklineError(
      "usage",
      `Cannot make certificates for ${days} days; give a whole number from 1 to 3650`,
    );
  }
  const paths = pathsIn(out);
  const ca = newCa ? undefined : await readAuthority(paths);
  const { clientName = DEFAULT_CLIENT_NAME } = options;
  const made = await createDevelopmentCertificates({
    hosts,
    days,
    clientName,
    ...(ca === undefined ? {} : { ca }),
  });
  const files = filesOf(paths, made, ca === undefined);
  await makeFolder(out);
  if (!force) await refuseExisting(files.map((file) => file.path));
  for (const file of files) await writeFile(file, force);

  const result = { paths, made, newCa: ca === undefined, hosts, client: clientName };
  if (json) io.out(JSON.stringify(await summary(result)));
  else if (!quiet) await printResult(result, io);
}

function pathsIn(folder: string): CertificatePaths {
  return {
    ca: join(folder, "ca.pem"),
    caKey: join(folder, "ca-key.pem"),
    server: join(folder, "server.pem"),
    serverKey: join(folder, "server-key.pem"),
    client: join(folder, "client.pem"),
    clientKey: join(folder, "client-key.pem"),
  };
}

async function readAuthority(paths: CertificatePaths): Promise<CertificatePair | undefined> {
  const [certPem, keyPem] = await Promise.all([readIfThere(paths.ca), readIfThere(paths.caKey)]);
  if (certPem === undefined && keyPem === undefined) return undefined;
  if (certPem !== undefined && keyPem !== undefined) return { certPem, keyPem };
  const [present, missing] = keyPem === undefined ? [paths.ca, paths.caKey] : [paths.caKey, paths.ca];
  const message = `Cannot go on with the CA in ${present}: ${missing} is missing`;
  throw new TrunklineError(
    "certificate_invalid",
    `${message}; put it back, or make a new CA with --new-ca --force`,
  );
}

interface FileToWrite {
  readonly path: string;
  readonly text: string;
  readonly mode: number;
}

function filesOf(paths: CertificatePaths, made: DevelopmentCertificates, withCa: boolean): FileToWrite[] {
  const pair = (cert: string, key: string, pems: CertificatePair): FileToWrite[] => [
    { path: key, text: pems.keyPem, mode: 0o600 },
    { path: cert, text: pems.certPem, mode: 0o644 },
  ];
  return [
    ...(withCa ? pair(paths.ca, paths.caKey, made.ca) : []),
    ...pair(paths.server, paths.serverKey, made.server),
    ...pair(paths.client, paths.clientKey, made.client),
  ];
}

async function refuseExisting(paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    if (await readIfThere(path) !== undefined) throw existsError(path);
  }
}

function existsError(path: string): TrunklineError {
  const next = "replace it with --force, or give another folder with --out";
  return new TrunklineError("start_failed", `Cannot write ${path}: it is already there; ${next}`);
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw fileError("read", path, error);
  }
}

async function makeFolder(path: string): Promise<void> {
  try {
    await Deno.mkdir(path, { recursive: true });
  } catch (error) {
    throw fileError("make the folder", path, error);
  }
}

async function writeFile(file: FileToWrite, replace: boolean): Promise<void> {
  if (!replace) return await createFile(file);
  // A rename replaces the file in one step and leaves no key in a file that others may read already.
  const temporary = { ...file, path: `${file.path}.${crypto.randomUUID()}.new` };
  await createFile(temporary);
  try {
    await Deno.rename(temporary.path, file.path);
  } catch (error) {
    await Deno.remove(temporary.path);
    throw fileError("replace", file.path, error);
  }
}

async function createFile({ path, text, mode }: FileToWrite): Promise<void> {
  try {
    await Deno.writeTextFile(path, text, { createNew: true, mode });
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) throw existsError(path);
    throw fileError("write", path, error);
  }
}

function fileError(what: string, path: string, cause: unknown): TrunklineError {
  const details = { path };
  if (cause instanceof Deno.errors.NotCapable) {
    const message =
      `Cannot ${what} ${path}: the permission is missing; run with --allow-read and --allow-write`;
    return new TrunklineError("permission_missing", message, { cause, details });
  }
  const message = `Cannot ${what} ${path}: ${messageOf(cause)}; give a folder that can be written with --out`;
  return new TrunklineError("start_failed", message, { cause, details });
}

interface Result {
  readonly paths: CertificatePaths;
  readonly made: DevelopmentCertificates;
  readonly newCa: boolean;
  readonly hosts: readonly string[];
  readonly client: string;
}

async function summary({ paths, made, newCa }: Result): Promise<object> {
  const entry = async (cert: string, key: string, { certPem }: CertificatePair) => {
    const { subject, notAfter, fingerprint } = await describeCertificate(certPem);
    return { cert, key, subject, expires: notAfter.toISOString(), fingerprint_sha256: fingerprint };
  };
  return {
    ca: { ...await entry(paths.ca, paths.caKey, made.ca), new: newCa },
    server: await entry(paths.server, paths.serverKey, made.server),
    client: await entry(paths.client, paths.clientKey, made.client),
  };
}

async function printResult({ paths, made, newCa, hosts, client }: Result, io: CertsOutput): Promise<void> {
  const rows: [string, string, CertificatePair][] = [
    [newCa ? "CA" : "CA (kept)", paths.ca, made.ca],
    ["server", paths.server, made.server],
    ["client", paths.client, made.client],
  ];
  for (const [what, path, { certPem }] of rows) {
    const { notAfter, fingerprint } = await describeCertificate(certPem);
    io.out(`${what.padEnd(9)} ${path}  valid until ${notAfter.toISOString().slice(0, 10)}`);
    io.out(`          SHA-256 ${fingerprint}`);
  }
  io.out(`Their keys are next to them, as ${paths.serverKey}.`);
  io.out("");
  const host = hosts.find((name) => !name.startsWith("*")) ?? "localhost";
  for (const line of certificateInstructions(paths, { host, client })) io.out(line);
}
