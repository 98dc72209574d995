/** JSON whose numbers keep every digit: a price is not a double. */
export class DecimalText {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
  toJSON(): unknown {
    return (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(this.text);
  }
}

type Reviver = (this: unknown, key: string, value: unknown, context: { readonly source?: string }) => unknown;
const keepDigits: Reviver = (_key, value, context) =>
  typeof value === 'number' && context.source !== undefined && String(value) !== context.source ? new DecimalText(context.source) : value;

export const parseJson = (text: string): unknown => JSON.parse(text, keepDigits as (key: string, value: unknown) => unknown);
