-- How many files an organization may yet upload is asked with each leave that has a form.
CREATE INDEX files_awaited ON readmodel.files (organization_id) WHERE status = 'awaited';
