-- Api clients may have the role `fulfiller`, which reports how fulfilment has ended and may do nothing else. People have no use for it.
ALTER TABLE clients DROP CONSTRAINT clients_role_check,
  ADD CONSTRAINT clients_role_check CHECK (role IN ('customer', 'operator', 'admin', 'fulfiller'));
