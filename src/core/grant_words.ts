/**
 * How the targets of tunnel and connect rights are written, in a configuration or in a claim; only the form, not what
 * they select.
 */

/** A tunnel name, a host name, a port or a range of ports; `*` stands for any part. */
export const TUNNEL_TARGET = /^[A-Za-z0-9_.*-]{1,253}$/;

/** `agent:host:port`, of which each may be `*`. */
export const CONNECT_TARGET = /^[^:\s]+:[^\s]+:(\*|\d{1,5}(-\d{1,5})?)$/;
