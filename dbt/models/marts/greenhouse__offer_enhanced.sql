select
    offers.source_relation,
    {{ greenhouse_v3.key_of(['offers.source_relation', 'offers.offer_id']) }} as offer_key,
    offers.offer_id,
    offers.application_id,
    offers.candidate_id,
    offers.job_id,
    offers.opening_id,
    offers.version,
    offers.status,
    offers.created_at,
    offers.sent_on,
    offers.resolved_at,
    offers.starts_on,
    {{ greenhouse_v3.count_of('offers.count_versions') }} as count_versions,
    offers.is_current,
    offers.is_current and coalesce(offers.status = 'Accepted', false) as is_accepted,
    offers.is_current and coalesce(offers.status = 'Rejected', false) as is_rejected,
    offers.is_current and coalesce(offers.status = 'Created' and applications.status = 'active', false) as is_pending,
    offers.is_current and coalesce(offers.status = 'Accepted' and applications.status = 'rejected', false)
        as is_reneged,
    approvals.approved_at,
    {{ greenhouse_v3.days_between('offers.sent_on', greenhouse_v3.local_date('offers.resolved_at')) }}
        as days_to_resolve,
    {{ greenhouse_v3.days_between(
        greenhouse_v3.local_date('applications.applied_at'),
        'coalesce(offers.sent_on, ' ~ greenhouse_v3.local_date('offers.created_at') ~ ')',
    ) }} as days_from_application,
    applications.status as application_status,
    applications.full_name as candidate_name,
    applications.recruiter_name,
    applications.sourced_from,
    applications.sourced_from_type,
    jobs.job_title,
    {{ greenhouse_v3.personal('employees', 'jobs.hiring_managers') }} as hiring_managers,
    jobs.offices as job_offices,
    jobs.departments as job_departments,
    jobs.parent_departments as job_parent_departments
    {%- for field in greenhouse_v3.custom_fields('offers') %},
    offers.{{ greenhouse_v3.quoted('custom_' ~ field) }}
    {%- endfor %}
from {{ ref('greenhouse_v3', 'int_greenhouse__offers') }} as offers
left join {{ ref('greenhouse_v3', 'greenhouse__application_enhanced') }} as applications
    on applications.source_relation = offers.source_relation
    and applications.application_id = offers.application_id
    and applications.is_main_row
left join {{ ref('greenhouse_v3', 'int_greenhouse__offer_approvals') }} as approvals
    on approvals.source_relation = offers.source_relation and approvals.offer_id = offers.offer_id
left join {{ ref('greenhouse_v3', 'int_greenhouse__jobs') }} as jobs
    on jobs.source_relation = offers.source_relation and jobs.job_id = offers.job_id
