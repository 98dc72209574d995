/** Envelope encryption: a data key per tenant, wrapped by the key service; the tenant and the record are bound into each sealed value. */
export interface Keys {
  seal(
    purpose: 'api-keys' | 'credentials',
    bound: { readonly tenantId: string; readonly recordId: string },
    plaintext: Buffer,
  ): Promise<string>;
  /** Throws when the value was sealed for another tenant or record, or was changed. */
  open(
    purpose: 'api-keys' | 'credentials',
    bound: { readonly tenantId: string; readonly recordId: string },
    sealed: string,
  ): Promise<Buffer>;
  check(): Promise<void>;
  close(): Promise<void>;
}
