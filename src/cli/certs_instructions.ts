/**
 * What `trunkline certs` tells a person after it has written the files: how to use them in the hub, and how to make
 * clients trust them. Pure text; the same paths give the same lines.
 */

/** Where the files are. */
export interface CertificatePaths {
  readonly ca: string;
  readonly caKey: string;
  readonly server: string;
  readonly serverKey: string;
  readonly client: string;
  readonly clientKey: string;
}

/** Whom the certificates are for. */
export interface CertificateNames {
  /** Under which the server is reached. */
  readonly host: string;
  /** The common name of the client. */
  readonly client: string;
}

/** The lines to print. */
export function certificateInstructions(
  paths: CertificatePaths,
  { host, client }: CertificateNames,
): readonly string[] {
  const authority = host.includes(":") && !host.startsWith("[") ? `[${host}]` : host;
  const cert = yamlText(paths.server);
  const key = yamlText(paths.serverKey);
  const set = `hub.tls={cert: ${cert}, key: ${key}}`;
  return [
    "In config.yaml, which has these keys already, change them to:",
    "  hub:",
    `    tls: { cert: ${cert}, key: ${key} }`,
    "or try it at once (from the tree: deno task cli hub ...):",
    `  trunkline hub --set ${shellText(set)}`,
    `  curl --cacert ${shellText(paths.ca)} https://${authority}:8443/healthz`,
    "",
    ...clientInstructions(paths, { authority, client: yamlText(client) }),
    "",
    ...trustInstructions(shellText(paths.ca)),
    "",
    `Whoever has ${paths.caKey} can pretend to be any host to those who trust the CA: keep it to yourself, use it`,
    "for development only, and take the CA out of the trust stores when you are done.",
  ];
}

function clientInstructions(
  paths: CertificatePaths,
  { authority, client }: { readonly authority: string; readonly client: string },
): readonly string[] {
  const [cert, key, ca] = [yamlText(paths.server), yamlText(paths.serverKey), yamlText(paths.ca)];
  const shown = [paths.ca, paths.client, paths.clientKey].map(shellText);
  const options = `--url tls://${authority}:8443 --ca ${shown[0]} --cert ${shown[1]} --key ${shown[2]}`;
  return [
    `To let clients log in with ${paths.client}, and no token, change these keys instead:`,
    "  hub:",
    `    tls: { cert: ${cert}, key: ${key}, client_ca: ${ca} }`,
    "  auth:",
    "    mode: required",
    "    certificates:",
    `      - match: ${client}`,
    `        subject: ${client}`,
    '        permissions: { publish: ["#"], subscribe: ["#"], request: ["#"], serve: ["#"], tunnel: ["*"] }',
    "and try it:",
    `  trunkline sub '#' ${options}`,
    `  trunkline http 3000 ${options}`,
    "An agent has the same three as ca, cert and key below hub in its agent.yaml. hub.tls.require_client_cert: true",
    "keeps everybody out who shows no certificate.",
  ];
}

function trustInstructions(ca: string): readonly string[] {
  return [
    "To make clients trust it:",
    `  Deno            DENO_CERT=${ca}`,
    `  Node.js         NODE_EXTRA_CA_CERTS=${ca}`,
    `  Debian, Ubuntu  sudo cp ${ca} /usr/local/share/ca-certificates/trunkline-dev.crt && sudo update-ca-certificates`,
    `  macOS           sudo security add-trusted-cert -d -r trustRoot -k /Library/Keychains/System.keychain ${ca}`,
    `  Windows         certutil -addstore -user Root ${ca}`,
    `  Chromium        on Linux: certutil -d sql:$HOME/.pki/nssdb -A -t C,, -n trunkline-dev -i ${ca}`,
    "                  (package libnss3-tools); elsewhere it uses the store of the system",
    "  Firefox         Settings, Privacy & Security, View Certificates, Authorities, Import",
  ];
}

function yamlText(text: string): string {
  return /^[\w.\/][\w.\/-]*$/.test(text) ? text : JSON.stringify(text);
}

function shellText(text: string): string {
  return /^[\w.\/:@%+=-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
