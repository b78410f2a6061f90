/**
 * Attacks by session ticket on a hub that looks at client certificates: the runtime takes a ticket of any TLS server of
 * the process and skips its check then, so nothing may get in that the hub did not verify itself.
 */
import assert from "node:assert/strict";
import { TestCertificate } from "../helpers/client_certificates.ts";
import { type MutualOptions, MutualScene, VERSIONS } from "../helpers/mutual_tls.ts";
import { openSession, type SessionOutcome, TicketServer } from "../helpers/tickets.ts";

type Version = typeof VERSIONS[number];

/** Where a ticket comes from, and who has it. */
interface Attack {
  readonly name: string;
  /** What the hub says of it where a certificate is required, and where it is optional. */
  readonly required: string;
  readonly optional: string;
  /** The server's trust: none of clients, or that of another authority, or of the hub's. */
  readonly asks: "nothing" | "another" | "same";
  /** What the client shows there. */
  readonly shows: "nothing" | "good" | "of another" | "self-made";
}

const ATTACKS: readonly Attack[] = [
  {
    name: "a server that asks for no certificate",
    required: "missing",
    optional: "401",
    asks: "nothing",
    shows: "nothing",
  },
  {
    name: "one that asks for none, with one at hand",
    required: "missing",
    optional: "401",
    asks: "nothing",
    shows: "good",
  },
  {
    name: "a server with another authority",
    required: "untrusted",
    optional: "untrusted",
    asks: "another",
    shows: "of another",
  },
  {
    name: "a server that rejects nothing, without",
    required: "missing",
    optional: "401",
    asks: "same",
    shows: "nothing",
  },
  {
    name: "a server that rejects nothing, of another",
    required: "untrusted",
    optional: "untrusted",
    asks: "same",
    shows: "of another",
  },
  {
    name: "a server that rejects nothing, self-made",
    required: "untrusted",
    optional: "untrusted",
    asks: "same",
    shows: "self-made",
  },
];

/** A scene, and certificates of every kind in files. */
class Tickets implements AsyncDisposable {
  readonly scene: MutualScene;
  readonly another: TestCertificate;
  readonly good: TestCertificate;
  readonly #shown: ReadonlyMap<Attack["shows"], { cert: string; key: string }>;
  readonly ticket: string;

  private constructor(
    scene: MutualScene,
    { another, good, shown, ticket }: {
      another: TestCertificate;
      good: TestCertificate;
      shown: ReadonlyMap<Attack["shows"], { cert: string; key: string }>;
      ticket: string;
    },
  ) {
    this.scene = scene;
    this.another = another;
    this.good = good;
    this.#shown = shown;
    this.ticket = ticket;
  }

  static async start(options: MutualOptions): Promise<Tickets> {
    const scene = await MutualScene.start(options);
    const another = await TestCertificate.authority();
    const made = {
      "good": await TestCertificate.make({ by: scene.authority }),
      "of another": await TestCertificate.make({ by: another }),
      "self-made": await TestCertificate.make(),
    } as const;
    const shown = new Map<Attack["shows"], { cert: string; key: string }>();
    for (const [name, { cert, key }] of Object.entries(made)) {
      const file = name.replace(" ", "-");
      const paths = {
        cert: await scene.write(`${file}.pem`, cert),
        key: await scene.write(`${file}.key`, key),
      };
      shown.set(name as keyof typeof made, paths);
    }
    return new Tickets(scene, { another, good: made.good, shown, ticket: await scene.write("ticket", "") });
  }

  filesOf(shows: Attack["shows"]) {
    return this.#shown.get(shows);
  }

  /** Gets the ticket. */
  async take({ asks, shows }: Pick<Attack, "asks" | "shows">, version: Version): Promise<void> {
    const { own, authority } = this.scene;
    const ca = { another: this.another.cert, same: authority.cert, nothing: null }[asks];
    const options = { requestCert: ca !== null, rejectUnauthorized: asks === "another" };
    await using server = await TicketServer.start({ ...own, ...(ca === null ? {} : { ca }) }, options);
    const session = { port: server.port, version, client: this.filesOf(shows), save: this.ticket };
    assert.deepEqual(await openSession(session), { isResumed: false, status: 101 });
  }

  /** Comes to the hub with the ticket and nothing else. */
  use(version: Version): Promise<SessionOutcome> {
    return openSession({ port: this.scene.hub.port, version, resume: this.ticket });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.scene[Symbol.asyncDispose]();
  }
}

for (const version of VERSIONS) {
  for (const required of [true, false]) {
    const where = `${required ? "required" : "optional"}, ${version}`;
    Deno.test(`Tickets: none of another server gets past the door (${where}) (needs openssl)`, async (t) => {
      for (const attack of ATTACKS) {
        await t.step(attack.name, async () => {
          await using tickets = await Tickets.start({ required });
          await tickets.take(attack, version);
          const expected = required ? attack.required : attack.optional;
          const { isResumed, status } = await tickets.use(version);
          // What is not resumed is no attack, and this says nothing.
          assert.equal(isResumed, true);
          assert.equal(status, expected === "401" ? 401 : null);
          if (status === null) assert.equal(await tickets.scene.refused(expected), 1);
        });
      }
    });
  }

  Deno.test(`Tickets: a client resumes its own session and is logged in (${version}) (needs openssl)`, async () => {
    await using tickets = await Tickets.start({ required: true });
    const { hub: { port } } = tickets.scene;
    const client = tickets.filesOf("good");
    assert.deepEqual(await openSession({ port, version, client, save: tickets.ticket }), {
      isResumed: false,
      status: 101,
    });
    assert.deepEqual(await tickets.use(version), { isResumed: true, status: 101 });
  });

  Deno.test(`Tickets: one of a certificate that is denied now is refused (${version}) (needs openssl)`, async () => {
    await using tickets = await Tickets.start({ required: false });
    await tickets.take({ asks: "same", shows: "good" }, version);
    assert.deepEqual(await tickets.use(version), { isResumed: true, status: 101 });
    await using stricter = await MutualScene.start({
      authorities: [tickets.scene.authority],
      settings: [`hub.tls.deny=["${tickets.good.x509.serialNumber}"]`],
    });
    const session = { port: stricter.hub.port, version, resume: tickets.ticket };
    assert.deepEqual(await openSession(session), { isResumed: true, status: null });
    assert.equal(await stricter.refused("denied"), 1);
  });
}
