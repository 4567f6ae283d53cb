-- A client that connects with the plain URL finds the tables without naming a schema. Run by the image once, on an empty volume.
ALTER ROLE orders SET search_path = read_model, accounts, public;
