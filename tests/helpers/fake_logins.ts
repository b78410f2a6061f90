/** Logins that a test decides: `good` and `good-<subject>` are let in, each other token gets a refusal. */
import { ANONYMOUS, type Principal } from "../../src/core/principal.ts";
import type { LoginRefusalCode } from "../../src/core/login_refusal.ts";
import type {
  CertificateRequest,
  Login,
  LoginDesk,
  LoginOutcome,
  LoginRequest,
} from "../../src/hub/login.ts";

/** A token that is never decided. */
export const NEVER = "never";

/** A desk that answers in a later turn, as real ones do. */
export class FakeLogins implements LoginDesk {
  /** Everything that it was asked. */
  readonly asked: LoginRequest[] = [];
  readonly revoked = new Set<string>();
  /** Of those who are let in. */
  readonly principal: Partial<Principal>;

  constructor(principal: Partial<Principal> = {}) {
    this.principal = principal;
  }

  async login(request: LoginRequest): Promise<LoginOutcome> {
    this.asked.push(request);
    if (request.token === NEVER) return new Promise(() => {});
    await new Promise<void>((resolve) => setImmediate(resolve));
    const match = /^good(?:-(.+))?$/.exec(request.token);
    if (match !== null) return { kind: "accepted", login: this.#letIn(match[1] ?? "somebody") };
    const code = REFUSALS.find((one) => one === request.token) ?? "invalid_token";
    return {
      kind: "refused",
      code,
      message: `No: ${code}`,
      retryAfterMs: code === "rate_limited" ? 7000 : null,
    };
  }

  /** Certificates stand for somebody by their first name. */
  loginByCertificate({ certificate }: CertificateRequest): LoginOutcome | null {
    const name = certificate?.names[0];
    return name === undefined ? null : { kind: "accepted", login: this.#letIn(name) };
  }

  #letIn(subject: string): Login {
    const principal = { ...ANONYMOUS, ...this.principal, subject };
    const login: Login = {
      principal,
      reevaluate: () =>
        this.revoked.has(subject) ? { kind: "ended", reason: "revoked" } : { kind: "holds", login },
    };
    return login;
  }
}

const REFUSALS: readonly LoginRefusalCode[] = [
  "invalid_token",
  "tenant_required",
  "invalid_tenant",
  "rate_limited",
  "unavailable",
  "overloaded",
];
