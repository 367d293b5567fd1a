-- office_ids at times holds an id twice, and ids of offices that are gone.
select source_relation, job_id, offices
from {{ ref('greenhouse_v3', 'greenhouse__job_enhanced') }}
where offices like '; %' or offices like '%; ' or offices = ''
    or (offices like '%; %' and offices = replace(offices, '; ', '') || '; ' || replace(offices, '; ', ''))
