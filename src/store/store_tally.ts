/** What a store counts, of all tenants together. */
export class StoreTally {
  messages = 0;
  retained = 0;
  bytes = 0;
  trimmedBySize = 0;
  trimmedByAge = 0;
}
