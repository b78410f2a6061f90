/** Certificates of the tests' own authority, in a folder that goes with its scope. */
import { createDevelopmentCertificates } from "../../src/cli/dev_certificates.ts";

/** PEM texts and the paths where they stand. */
export class TestCertificates implements Disposable {
  readonly ca: string;
  readonly certPath: string;
  readonly keyPath: string;
  readonly caPath: string;
  readonly cert: string;
  readonly key: string;
  readonly #folder: string;

  private constructor(folder: string, pems: { ca: string; cert: string; key: string }) {
    this.#folder = folder;
    this.ca = pems.ca;
    this.cert = pems.cert;
    this.key = pems.key;
    this.caPath = `${folder}/ca.pem`;
    this.certPath = `${folder}/server.pem`;
    this.keyPath = `${folder}/server-key.pem`;
    Deno.writeTextFileSync(this.caPath, pems.ca);
    Deno.writeTextFileSync(this.certPath, pems.cert);
    Deno.writeTextFileSync(this.keyPath, pems.key);
  }

  /** Makes a new authority and a server certificate for localhost, loopback and further hosts. */
  static async create(...hosts: readonly string[]): Promise<TestCertificates> {
    const { ca, server } = await createDevelopmentCertificates({
      hosts: ["localhost", "127.0.0.1", "::1", ...hosts],
      days: 2,
    });
    const folder = await Deno.makeTempDir({ prefix: "trunkline-certs-" });
    return new TestCertificates(folder, { ca: ca.certPem, cert: server.certPem, key: server.keyPem });
  }

  /** The overrides that make a hub speak TLS with them. */
  get settings(): readonly string[] {
    return [`hub.tls.cert=${this.certPath}`, `hub.tls.key=${this.keyPath}`];
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.#folder, { recursive: true });
  }
}
