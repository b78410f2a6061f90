/** A hub, an agent and a local service behind a host name, and what raw visitors get there. */
import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import { TunnelAgent } from "../agent/tunnel_agent.ts";
import { TcpService, Visitor } from "../helpers/tcp_echo.ts";
import { TestHub } from "../helpers/test_hub.ts";

/** The host that leads to the service. */
export const HOST = "app.localhost";

/** What a test works with. */
export interface HttpScene {
  readonly hub: TestHub;
  readonly edge: TunnelAgent;
  /** Where visitors come in. */
  readonly port: number;
}

/** Runs a scene whose service listens on this port. */
export async function withService(
  local: number | string,
  use: (scene: HttpScene) => Promise<void>,
  { settings = [], more = "" }: { settings?: readonly string[]; more?: string } = {},
): Promise<void> {
  await using hub = await TestHub.start(settings);
  const tunnels = `[{ name: web, kind: http, local: "${local}", subdomain: app ${more} }]`;
  await using edge = new TunnelAgent(`tcp://127.0.0.1:${hub.port}`, tunnels);
  await edge.reached("web", "up");
  await use({ hub, edge, port: hub.publicPort });
}

/** A service that is handed each whole head, and answers with bytes as they are. */
export function rawService(answer: (socket: Socket, head: string) => void): Promise<TcpService> {
  return TcpService.start((socket) => {
    let text = "";
    socket.on("data", (chunk: Uint8Array) => {
      text += Buffer.from(chunk).toString("latin1");
      for (let end = text.indexOf("\r\n\r\n"); end >= 0; end = text.indexOf("\r\n\r\n")) {
        const head = text.slice(0, end + 4);
        text = text.slice(end + 4);
        answer(socket, head);
      }
    });
    socket.on("end", () => socket.end());
  });
}

/** A service that always answers with the same bytes, and keeps the heads that it got. */
export async function fixedService(response: string): Promise<{ service: TcpService; heads: string[] }> {
  const heads: string[] = [];
  const service = await rawService((socket, head) => {
    heads.push(head);
    socket.write(Buffer.from(response, "latin1"));
  });
  return { service, heads };
}

/** Everything that a visitor gets for these bytes until the hub ends, and how it ends. */
export async function sendRaw(port: number, text: string): Promise<{ text: string; code: string | null }> {
  await using visitor = await Visitor.at(port);
  visitor.socket.on("end", () => visitor.socket.end());
  visitor.socket.write(Buffer.from(text, "latin1"));
  const code = await visitor.closed;
  return { text: Buffer.from(visitor.bytes).toString("latin1"), code };
}

/** A request for the service, on a connection that ends with it. */
export function requestText(line: string, fields = "", body = ""): string {
  return `${line} HTTP/1.1\r\nHost: ${HOST}\r\nConnection: close\r\n${fields}\r\n${body}`;
}

/** The status of an answer. */
export function statusOf(text: string): number {
  return Number(/^HTTP\/1\.1 (\d{3}) /.exec(text)?.[1] ?? 0);
}
