/**
 * Tricks with which requests are smuggled past one reader to another: what a proxy and a server could read in two ways.
 * None of them may be passed on as it was meant to be.
 */

/** One trick. */
export interface HttpTrick {
  readonly name: string;
  /** Characters are bytes. */
  readonly text: string;
}

const HIDDEN = "GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n";
const CHUNKED = "Transfer-Encoding: chunked\r\n";
const LAST = "0\r\n\r\n";

/** A POST with these fields and a body. */
function post(fields: string, body: string, version = "1.1"): string {
  return `POST / HTTP/${version}\r\nHost: a\r\n${fields}\r\n${body}`;
}

function get(line: string, fields = "Host: a\r\n"): string {
  return `${line}\r\n${fields}\r\n`;
}

function chunks(body: string): string {
  return post(CHUNKED, body);
}

function tricks(kind: string, texts: Readonly<Record<string, string>>): HttpTrick[] {
  return Object.entries(texts).map(([name, text]) => ({ name: `${kind}: ${name}`, text }));
}

const LENGTHS = tricks("Content-Length", {
  "twice, differently": post("Content-Length: 0\r\nContent-Length: 33\r\n", HIDDEN),
  "twice, the same": post("Content-Length: 3\r\nContent-Length: 3\r\n", "abc"),
  "a list": post("Content-Length: 3, 3\r\n", "abc"),
  "plus": post("Content-Length: +3\r\n", "abc"),
  "minus": post("Content-Length: -3\r\n", "abc"),
  "minus zero": post("Content-Length: -0\r\n", HIDDEN),
  "hexadecimal": post("Content-Length: 0x3\r\n", "abc"),
  "letters": post("Content-Length: a\r\n", "abcdefghij"),
  "a fraction": post("Content-Length: 3.0\r\n", "abc"),
  "an exponent": post("Content-Length: 3e0\r\n", "abc"),
  "underscore in digits": post("Content-Length: 3_3\r\n", HIDDEN),
  "two numbers": post("Content-Length: 3 3\r\n", "abc"),
  "nothing": post("Content-Length:\r\n", HIDDEN),
  "a quoted number": post('Content-Length: "3"\r\n', "abc"),
  "a semicolon": post("Content-Length: 3;a\r\n", "abc"),
  "beyond 64 bits": post("Content-Length: 18446744073709551619\r\n", "abc"),
  "beyond what is exact": post("Content-Length: 9007199254740993\r\n", "abc"),
  "digits of another script": post("Content-Length: \xd9\xa3\r\n", "abc"),
  "vertical tab before": post("Content-Length: \x0b3\r\n", "abc"),
});

const CODINGS = tricks("Transfer-Encoding", {
  "CL.TE": post(`Content-Length: 6\r\n${CHUNKED}`, `${LAST}G`),
  "TE.CL": post(`${CHUNKED}Content-Length: 3\r\n`, `8\r\nSMUGGLED\r\n${LAST}`),
  "TE.TE, the second another": post(`${CHUNKED}Transfer-Encoding: cow\r\n`, LAST),
  "TE.TE, the first another": post(`Transfer-Encoding: cow\r\n${CHUNKED}`, LAST),
  "twice": post(`${CHUNKED}${CHUNKED}`, LAST),
  "identity": post("Transfer-Encoding: identity\r\n", HIDDEN),
  "a list": post("Transfer-Encoding: gzip, chunked\r\n", LAST),
  "chunked twice in a list": post("Transfer-Encoding: chunked, chunked\r\n", LAST),
  "an empty element": post("Transfer-Encoding: ,chunked\r\n", LAST),
  "not the last": post("Transfer-Encoding: chunked, identity\r\n", LAST),
  "a prefix": post("Transfer-Encoding: xchunked\r\n", LAST),
  "a suffix": post("Transfer-Encoding: chunkedx\r\n", LAST),
  "a parameter": post("Transfer-Encoding: chunked;q=1\r\n", LAST),
  "quoted": post('Transfer-Encoding: "chunked"\r\n', LAST),
  "quoted by another": post("Transfer-Encoding: 'chunked'\r\n", LAST),
  "nothing": post("Transfer-Encoding:\r\n", HIDDEN),
  "vertical tab": post("Transfer-Encoding: \x0bchunked\r\n", LAST),
  "form feed": post("Transfer-Encoding: chunked\x0c\r\n", LAST),
  "no-break space": post("Transfer-Encoding: \xa0chunked\r\n", LAST),
  "NUL behind": post("Transfer-Encoding: chunked\0\r\n", LAST),
  "space before the colon": post("Transfer-Encoding : chunked\r\n", LAST),
  "tab before the colon": post("Transfer-Encoding\t: chunked\r\n", LAST),
  "space before the name": post(" Transfer-Encoding: chunked\r\n", LAST),
  "behind a carriage return": post("X: a\rTransfer-Encoding: chunked\r\n", LAST),
  "behind a line feed": post("X: a\nTransfer-Encoding: chunked\r\n", LAST),
  "in a folded line": post("X: a\r\n Transfer-Encoding: chunked\r\n", LAST),
  "its value folded": post("Transfer-Encoding:\r\n chunked\r\n", LAST),
  "its name cut": post("Transfer-\r\nEncoding: chunked\r\n", LAST),
  "HTTP/1.0": post(CHUNKED, LAST, "1.0"),
  "named by Connection": post(`Connection: Transfer-Encoding\r\n${CHUNKED}`, LAST),
});

const CHUNK_LINES = tricks("Chunks", {
  "the size overflows 32 bits": chunks(`100000003\r\nabc\r\n${LAST}`),
  "the size overflows 64 bits": chunks(`10000000000000003\r\nabc\r\n${LAST}`),
  "no end of zeros": chunks(`${"0".repeat(400)}3\r\nabc\r\n${LAST}`),
  "plus": chunks(`+3\r\nabc\r\n${LAST}`),
  "minus": chunks(`-3\r\nabc\r\n${LAST}`),
  "0x": chunks(`0x3\r\nabc\r\n${LAST}`),
  "space behind the size": chunks(`3 \r\nabc\r\n${LAST}`),
  "space before the size": chunks(` 3\r\nabc\r\n${LAST}`),
  "no size": chunks(`\r\nabc\r\n${LAST}`),
  "an extension without its semicolon": chunks(`3 a=b\r\nabc\r\n${LAST}`),
  "line feed ends the size": chunks(`3\nabc\r\n${LAST}`),
  "carriage return ends the size": chunks(`3\rabc\r\n${LAST}`),
  "line feed ends the chunk": chunks(`3\r\nabc\n${LAST}`),
  "nothing ends the chunk": chunks(`3\r\nabc${LAST}`),
  "longer than it says": chunks(`3\r\nabcd\r\n${LAST}`),
  "line feed in an extension": chunks(`3;a\nb\r\nabc\r\n${LAST}`),
  "carriage return in an extension": chunks(`3;a\rb\r\nabc\r\n${LAST}`),
  "NUL in an extension": chunks(`3;a\0\r\nabc\r\n${LAST}`),
  "an extension that is long": chunks(`3;${"a".repeat(400)}\r\nabc\r\n${LAST}`),
  "line feed ends the last": chunks(`3\r\nabc\r\n0\n\n${HIDDEN}`),
  "line feed ends the trailers": chunks(`3\r\nabc\r\n0\r\nX: a\n\r\n`),
  "a trailer that is none": chunks(`0\r\n${HIDDEN}`),
  "a folded trailer": chunks("0\r\nX: a\r\n b\r\n\r\n"),
});

const TARGETS = tricks("Target", {
  "absolute form of another": get("GET http://b/ HTTP/1.1"),
  "absolute form with a user": get("GET http://a@b/ HTTP/1.1"),
  "absolute form of another port": get("GET http://a:81/ HTTP/1.1"),
  "absolute form of nobody": get("GET http:/// HTTP/1.1"),
  "absolute form with a backslash": get("GET http://a\\@b/ HTTP/1.1"),
  "authority form": get("GET a:80 HTTP/1.1"),
  "a method that tunnels": get("CONNECT a:80 HTTP/1.1", "Host: a:80\r\n"),
  "an asterisk": get("GET * HTTP/1.1"),
  "a fragment": get("GET /#b HTTP/1.1"),
  "spaces": get("GET / hidden HTTP/1.1"),
  "a tab": get("GET\t/ HTTP/1.1"),
  "two spaces": get("GET  / HTTP/1.1"),
  "bytes above ASCII": get("GET /\xe4 HTTP/1.1"),
  "NUL": get("GET /\0 HTTP/1.1"),
  "no version": get("GET /"),
  "version in lower case": get("GET / http/1.1"),
  "version with more digits": get("GET / HTTP/1.10"),
  "version with a sign": get("GET / HTTP/1.+1"),
  "line feed ends it": "GET / HTTP/1.1\nHost: a\r\n\r\n",
});

const HOSTS = tricks("Host", {
  "none": get("GET / HTTP/1.1", ""),
  "two": get("GET / HTTP/1.1", "Host: a\r\nHost: b\r\n"),
  "two, the same": get("GET / HTTP/1.1", "Host: a\r\nHost: a\r\n"),
  "a list": get("GET / HTTP/1.1", "Host: a, b\r\n"),
  "empty": get("GET / HTTP/1.1", "Host:\r\n"),
  "a user": get("GET / HTTP/1.1", "Host: a@b\r\n"),
  "a path": get("GET / HTTP/1.1", "Host: a/b\r\n"),
  "a port that is none": get("GET / HTTP/1.1", "Host: a:b\r\n"),
  "a port that is too high": get("GET / HTTP/1.1", "Host: a:65536\r\n"),
  "two ports": get("GET / HTTP/1.1", "Host: a:80:81\r\n"),
  "a space": get("GET / HTTP/1.1", "Host: a b\r\n"),
  "space before the colon": get("GET / HTTP/1.1", "Host : a\r\n"),
  "named by Connection": get("GET / HTTP/1.1", "Host: a\r\nConnection: host\r\n"),
});

const HEADS = tricks("Head", {
  "line feeds alone": "GET / HTTP/1.1\nHost: a\n\n",
  "carriage returns alone": "GET / HTTP/1.1\rHost: a\r\r",
  "NUL in a value": get("GET / HTTP/1.1", "Host: a\r\nX: a\0b\r\n"),
  "NUL in a name": get("GET / HTTP/1.1", "Host: a\r\nX\0: a\r\n"),
  "no name": get("GET / HTTP/1.1", "Host: a\r\n: a\r\n"),
  "no colon": get("GET / HTTP/1.1", "Host: a\r\nX\r\n"),
  "a name in brackets": get("GET / HTTP/1.1", "Host: a\r\n[X]: a\r\n"),
  "a name above ASCII": get("GET / HTTP/1.1", "Host: a\r\nX\xe4: a\r\n"),
  "folded": get("GET / HTTP/1.1", "Host: a\r\nX: a\r\n b\r\n"),
  "the first field folded": get("GET / HTTP/1.1", " Host: a\r\nHost: a\r\n"),
  "empty lines before": `\r\n\r\n${get("GET / HTTP/1.1")}`,
  "a line feed before": `\n${get("GET / HTTP/1.1")}`,
  "HTTP/2 at once": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
  "HTTP/2 by an upgrade": get("GET / HTTP/1.1", "Host: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n"),
  "another version": get("GET / HTTP/1.2"),
  "HTTP/0.9": "GET /\r\n\r\n",
});

/** Every trick with a request. */
export const HTTP_TRICKS: readonly HttpTrick[] = [
  ...LENGTHS,
  ...CODINGS,
  ...CHUNK_LINES,
  ...TARGETS,
  ...HOSTS,
  ...HEADS,
];

/** Tricks with responses, of services that are not trusted. */
export const HTTP_RESPONSE_TRICKS: readonly HttpTrick[] = tricks("Response", {
  "both framings": `HTTP/1.1 200 OK\r\nContent-Length: 3\r\n${CHUNKED}\r\n${LAST}`,
  "two lengths": "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 0\r\n\r\nabc",
  "a length that is none": "HTTP/1.1 200 OK\r\nContent-Length: 3a\r\n\r\nabc",
  "another coding": "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nabc",
  "chunks by HTTP/1.0": `HTTP/1.0 200 OK\r\n${CHUNKED}\r\n${LAST}`,
  "a status of four digits": "HTTP/1.1 2000 OK\r\n\r\n",
  "a status that is none": "HTTP/1.1 099 OK\r\n\r\n",
  "line feeds alone": "HTTP/1.1 200 OK\nContent-Length: 0\n\n",
  "a folded field": "HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n",
  "another version": "HTTP/2 200 OK\r\nContent-Length: 0\r\n\r\n",
  "a carriage return in the reason": "HTTP/1.1 200 O\rK\r\nContent-Length: 0\r\n\r\n",
});
