/** Where a router gets a repository's files: a web server, or one file from a stick. Nothing that comes from there is trusted. */
export interface UpdateSource {
  /** For messages: an address or a file name. */
  readonly name: string;
  /**
   * A whole file below the repository, as in `metadata/timestamp.json`.
   *
   * @returns its octets, which the caller owns; undefined when there is no such file
   * @throws Refusal UNREACHABLE; TOO_LONG when it has more than `longest` octets
   */
  file(path: string, longest: number): Promise<Uint8Array | undefined>;
  /**
   * The octets of a file from `offset` on, in pieces of any size, until the caller has had enough.
   *
   * @throws Refusal UNREACHABLE
   */
  octets(path: string, offset: number): AsyncIterable<Uint8Array>;
  /** Gives back what is held open. */
  close(): void;
}
