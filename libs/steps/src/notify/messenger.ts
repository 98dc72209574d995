/** How messages leave: the three channels behind one interface, so that steps and runs tell people in the same way. */
export interface Message {
  readonly channel: 'email' | 'webhook' | 'slack';
  readonly to: readonly string[];
  readonly subject: string;
  readonly text: string;
  /** For machines: what a webhook gets as JSON. */
  readonly data: Readonly<Record<string, unknown>>;
  /** One that a run sends again after a crash is the same message; another run's is another, whatever their keys. */
  readonly runId: string;
  /** A message with a key that was sent within the window is not sent again. */
  readonly dedupKey: string;
  readonly dedupHours: number;
  /** Signs webhooks; kept with the tenant's provider configuration. */
  readonly secret?: string;
}

export interface Messenger {
  /** True when it was sent now, false when its key was sent before. */
  send(message: Message): Promise<boolean>;
}
