/** Certificates of the links of benchmarks, as PEM. */
import { createDevelopmentCertificates } from "../src/cli/dev_certificates.ts";
import type { LinkCertificates } from "./load/frames_link.ts";

/** Makes them anew. */
export async function createLinkCertificates(): Promise<LinkCertificates> {
  const { ca, server } = await createDevelopmentCertificates({ hosts: ["localhost"], days: 1 });
  return { ca: ca.certPem, cert: server.certPem, key: server.keyPem };
}
