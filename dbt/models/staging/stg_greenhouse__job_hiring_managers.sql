{{ greenhouse_v3.stage('job_hiring_managers') }}
