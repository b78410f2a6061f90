/**
 * Certificates for a hub under measurement, in a folder that goes when the benchmark ends.
 */
import { createDevelopmentCertificates } from "../src/cli/dev_certificates.ts";

/** Files of a server certificate for localhost, ECDSA P-256. */
export class CertificateFiles implements AsyncDisposable {
  readonly #folder: string;
  /** PEM of the authority that clients have to believe. */
  readonly ca: string;

  private constructor(folder: string, ca: string) {
    this.#folder = folder;
    this.ca = ca;
  }

  /** Makes and writes them. */
  static async create(): Promise<CertificateFiles> {
    const { ca, server } = await createDevelopmentCertificates({ hosts: ["localhost"], days: 1 });
    const files = new CertificateFiles(await Deno.makeTempDir(), ca.certPem);
    await Deno.writeTextFile(files.#path("server.pem"), server.certPem);
    await Deno.writeTextFile(files.#path("server-key.pem"), server.keyPem);
    return files;
  }

  /** The settings that make the hub speak TLS. */
  get settings(): readonly string[] {
    return [`hub.tls.cert=${this.#path("server.pem")}`, `hub.tls.key=${this.#path("server-key.pem")}`];
  }

  #path(name: string): string {
    return `${this.#folder}/${name}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#folder, { recursive: true });
  }
}
