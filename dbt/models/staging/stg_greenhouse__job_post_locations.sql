{{ greenhouse_v3.stage('job_post_locations') }}
