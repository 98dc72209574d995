/** What does not answer in time has failed as if it had said so: with gRPC's DEADLINE_EXCEEDED. Its late answer is nobody's. */
export function within<T>(work: Promise<T>, milliseconds: number): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const late = setTimeout(() => reject(Object.assign(new Error('no answer in time'), { code: 4 })), milliseconds);
    work.then(resolve, reject).finally(() => clearTimeout(late));
  });
}
