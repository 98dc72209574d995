/** Items whose first one is asked for at once, and not when somebody takes it. */
export function begun<T>(items: AsyncIterable<T>): AsyncIterable<T> {
  const iterator = items[Symbol.asyncIterator]();
  const first = iterator.next();
  first.catch(() => undefined);
  let asked = false;
  const next = (): Promise<IteratorResult<T>> => {
    if (asked) return iterator.next();
    asked = true;
    return first;
  };
  return { [Symbol.asyncIterator]: () => ({ next }) };
}
