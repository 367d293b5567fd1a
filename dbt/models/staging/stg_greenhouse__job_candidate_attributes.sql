{{ greenhouse_v3.stage('job_candidate_attributes') }}
