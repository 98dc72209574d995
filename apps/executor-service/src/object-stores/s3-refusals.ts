/** What S3 refuses, in words for who can do something about it. */
import { changed, StepFailure } from '@convergence/steps';
import { gone, notForeseen } from './below-folder.ts';

export interface S3Refusal {
  readonly status: number;
  /** S3's own word. */
  readonly code: string | undefined;
  readonly message: string | undefined;
  readonly bucket: string;
  /** Undefined: the list. */
  readonly object: string | undefined;
}

const NOT_TAKEN =
  /^(InvalidAccessKeyId|SignatureDoesNotMatch|InvalidToken|InvalidSecurity|AuthFailure|UnrecognizedClientException|InvalidClientTokenId)$/;

export function s3Refused({ status, code = '', message = '', bucket, object }: S3Refusal): Error {
  const what = object ?? `the bucket ${bucket}`;
  if (/^(ExpiredToken|TokenRefreshRequired)/.test(code))
    return new StepFailure('credential', 'object.credential', 'The session of the AWS credential has ended.', {
      hint: 'Keys with a session_token live for hours: store new ones, or keys without one, or a role.',
    });
  if (NOT_TAKEN.test(code) || status === 401)
    return new StepFailure('credential', 'object.credential', 'Amazon S3 does not take the AWS credential.', {
      hint: 'The key was deleted or deactivated, or its secret is wrong: store a new one.',
    });
  if (code.startsWith('KMS.') || /\bkms:/i.test(message) || /Server Side Encryption/i.test(message))
    return new StepFailure('permission', 'object.encrypted', `${what} is encrypted with a key that the AWS credential may not use.`, {
      hint: 'Grant its user or role kms:Decrypt on that key; a key that is disabled, or that only the writer has (SSE-C), opens nothing.',
    });
  if (code === 'InvalidObjectState')
    return new StepFailure('source_not_ready', 'object.archived', `${what} lies in an archive (Glacier) and can not be read.`, {
      hint: 'Restore it, then run this again; or let the lifecycle rule of the bucket archive exports later.',
    });
  if (status === 412) return changed(what);
  if (status === 404 && object !== undefined && code !== 'NoSuchBucket') return gone(object);
  if (status === 404)
    return new StepFailure('source_not_ready', 'object.not_found', `There is no bucket ${bucket}.`, { hint: 'Check its name.' });
  if (status === 403 && code !== 'RequestTimeTooSkewed')
    return new StepFailure('permission', 'object.access_denied', `The AWS credential may not read ${what}.`, {
      hint: `Grant it s3:ListBucket on arn:aws:s3:::${bucket} and s3:GetObject on what lies in it; a bucket policy may also deny it.`,
    });
  return notForeseen('Amazon S3', status, code);
}
